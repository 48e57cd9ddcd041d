import sys, subprocess, json, time
from pathlib import Path
from servers import *
from environments import *
only=sys.argv[1].split(','); model=CACHE/'models'/sys.argv[2]; size=sys.argv[3]; clients=[int(c) for c in sys.argv[4].split(',')]
secs=sys.argv[5] if len(sys.argv)>5 and sys.argv[5]!='one' else '4'
photos=sorted((CACHE/'photographs'/size).glob('*.jpg'))
for s in [HOTPATH,*PEERS]:
    if s.name not in only and only!=['all']: continue
    try:
        with running(s, model, photos[0].read_bytes(), {'OMP_NUM_THREADS':'1'} if 'one' in sys.argv else None) as r:
            print(s.name, [r.best_class(p.read_bytes()) for p in photos] if s.name!='fastapi-queue' else '')
            for c in clients:
                a=r.cpu_seconds()
                o=subprocess.run([sys.executable,str(BENCH/'load.py'),'--port',str(r.port),'--path',s.path,'--encoding',s.encoding,'--bodies',str(CACHE/'photographs'/size),'--clients',str(c),'--seconds',secs,'--warm','1.5'],capture_output=True,text=True)
                d=json.loads(o.stdout) if o.stdout else o.stderr
                print(s.name,c, d, 'cpu ms/req %.3f'%((r.cpu_seconds()-a)*1000/(d['rate']*(float(secs)+1.5)) if d['rate'] else 0))
    except Exception as e: print(s.name, 'FAILED', e)
