import sys, subprocess, json, time, os
from pathlib import Path
import servers
from servers import *
from environments import *
model=CACHE/'models'/sys.argv[1]; size=sys.argv[2]; clients=sys.argv[3]; secs=sys.argv[4]; spy=sys.argv[5] if len(sys.argv)>5 else ''
photos=sorted((CACHE/'photographs'/size).glob('*.jpg'))
def cpu(pid):
    f=Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split(); return (int(f[11])/100,int(f[12])/100)
with running(HOTPATH, model, photos[0].read_bytes()) as r:
    print([r.best_class(p.read_bytes()) for p in photos])
    fam=servers._family(r.process.pid)
    names={p:Path(f'/proc/{p}/comm').read_text().strip() for p in fam}
    load=lambda s,w: subprocess.Popen([sys.executable,'load.py','--port',str(r.port),'--bodies',str(CACHE/'photographs'/size),'--clients',clients,'--seconds',s,'--warm',w],stdout=subprocess.PIPE,text=True)
    load('1','1').communicate()
    a={p:cpu(p) for p in fam}; t=time.time()
    l=load(secs,'0.0'); 
    if spy:
        w=[p for p in fam if names[p].startswith(spy)][0]
        subprocess.run(['/tmp/wt/speed/.cache/bench/venv/peers/bin/py-spy','record','-n' if 'native' in sys.argv else '-t','-d',str(int(float(secs))-1),'-r','500','-f','raw','-o','/tmp/spy.txt','-p',str(w)],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)
    d=json.loads(l.communicate()[0]); t=time.time()-t
    print(d)
    for p in fam:
        b=cpu(p); print(names[p], 'user %.3f sys %.3f ms/req'%((b[0]-a[p][0])*1000/d['requests'],(b[1]-a[p][1])*1000/d['requests']))
